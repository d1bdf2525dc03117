// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/file.h"

namespace mortise::cli {

// The transcript of a key ceremony: who, on which machine, with which program and files, what
// was done and what came of it, as text for witnesses to sign. A failure is part of it. Each
// line is on disk before the next step begins. It names files, never what PINs are in them.
class Ceremony {
 public:
  // Makes the file, 0600; throws Error(kConfig) when it exists, for a transcript is never
  // overwritten, and when it cannot be made.
  Ceremony(const std::string& path, const std::string& command);

  // "config file   /etc/mortise/mortise.yaml  SHA-256 …"
  void NoteFile(std::string_view name, const std::string& path);
  void Note(std::string_view name, std::string_view value);
  // After the last note.
  void BeginSteps();
  // A line with the time. Also good in a process that was forked since.
  void Step(std::string_view what);
  // The end, with lines for signatures.
  void Close(std::string_view result);

 private:
  void Write(const std::string& line);

  std::string path_;
  UniqueFd file_;
};

// The command line as it was typed, quoted where a shell needs it. No command of ours takes a
// secret as an argument.
std::string CommandLine();

}  // namespace mortise::cli
