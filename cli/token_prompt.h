// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/file.h"
#include "base/secret_bytes.h"

namespace mortise::cli {

// The person at the terminal. Only where standard input is one, so that a script never
// waits for an answer.
class TokenPrompt {
 public:
  // `instead` says what to give where there is no terminal ("--pin-file"), for the
  // Error(kConfig) thrown then.
  explicit TokenPrompt(const std::string& instead);

  // What is typed is not shown. Throws Error(kConfig) for nothing, Error(kCancelled) for
  // Ctrl-C; the terminal is as before then, too.
  SecretBytes AskPin(const std::string& whose) const;
  // Asked twice, since nobody sees what was typed. Throws Error(kConfig) when they differ.
  SecretBytes AskNewPin(const std::string& whose) const;

  // One line, shown as it is typed; empty at its end.
  std::string AskLine(const std::string& question) const;

 private:
  void Say(const std::string& text) const;

  UniqueFd terminal_;
};

// The first line of the file; where none is named, what a person types.
SecretBytes PinFrom(const std::string& file, const char* option, const std::string& whose);
SecretBytes NewPinFrom(const std::string& file, const char* option, const std::string& whose);

}  // namespace mortise::cli
