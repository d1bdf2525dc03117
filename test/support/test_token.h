// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret_bytes.h"
#include "config/config.h"

namespace mortise::test {

// What the maker's own tool can make where C_GenerateKey does not work.
enum class ToolKey : std::uint8_t { kAes256, kRsa3072, kHmacSha256 };

// A real token of some make, private to one test and gone with this object: what a
// test must know to reach it, so that one suite runs over them all. What such a
// token can do is the suite's to say.
class TestToken {
 public:
  TestToken() = default;
  virtual ~TestToken() = default;
  TestToken(const TestToken&) = delete;
  TestToken& operator=(const TestToken&) = delete;

  virtual std::string name() const = 0;  // as in test_tokens.h
  // What its library wants in the environment of the process that loads it.
  virtual std::map<std::string, std::string> environment() const = 0;
  // As in mortise.yaml, under this name.
  virtual config::Token ToConfig(const std::string& name = "test") const = 0;

  // Makes a key with the maker's tool, of this CKA_LABEL and CKA_ID; false where there
  // is none, and C_GenerateKey is the way.
  virtual bool MakeKeyByTool(ToolKey kind, const std::string& label, const std::string& id);

  SecretBytes Pin() const;
  // environment() for this process, before it loads the library.
  void Export() const;
};

// For a fixture's WhyNot(): which package to install when `file` is not there.
std::optional<std::string> MissingFile(const std::string& file, const std::string& package);

// Runs a tool that prepares a token; throws std::runtime_error with its words if it fails.
void Prepare(const std::vector<std::string>& command,
             const std::map<std::string, std::string>& environment = {});

// Prepare() for pkcs11-tool of `module`. PINs are given as `env:NAME`, never in arguments.
void PrepareByPkcs11Tool(const std::string& module, std::vector<std::string> arguments,
                         const std::map<std::string, std::string>& environment);

// Where Debian keeps this architecture's libraries.
std::string LibraryFolder();

// Writes a random PIN to `path`, 0400, and gives it: letters of both cases and digits
// as NSS demands in FIPS mode, and eight of them, openCryptoki's most.
SecretBytes WriteRandomPin(const std::string& path);

}  // namespace mortise::test
