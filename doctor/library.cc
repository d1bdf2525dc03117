// SPDX-License-Identifier: Apache-2.0
#include "doctor/library.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gnu/libc-version.h>

#include <charconv>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "doctor/elf_file.h"

namespace mortise::doctor {
namespace {

constexpr char kCorrectPath[] =
    "install the token vendor's PKCS#11 library, or correct tokens[].module";

void CheckPermissions(const std::string& module, CheckList& list) {
  try {
    RequireTrustedPath(module);
    list.Pass("module-permissions", module + " and its folders can be written by nobody else");
  } catch (const Error& error) {
    const auto [what, hint] =
        TakeApart(error.what(), "whoever can write there has the PIN: correct it");
    list.Fail("module-permissions", what, hint);
  }
}

// "2.36" as 2 and 36.
std::pair<int, int> VersionOf(std::string_view text) {
  std::pair<int, int> version{0, 0};
  const auto rest = std::from_chars(text.data(), text.data() + text.size(), version.first).ptr;
  if (rest != text.data() + text.size() && *rest == '.') {
    std::from_chars(rest + 1, text.data() + text.size(), version.second);
  }
  return version;
}

void CheckLibc(const ElfFile::Dynamic& dynamic, const std::string& module, CheckList& list) {
  const std::string have = gnu_get_libc_version();
  const std::string newer = NewerThan(dynamic.libc_versions, have);
  if (newer.empty()) return;
  list.Fail("module-libc",
            fmt::format("{} needs {}, and this system has glibc {}", module, newer, have),
            "install the vendor's build for this distribution, or a newer system");
}

void CheckNeeds(const std::string& module, const Linker& linker, CheckList& list) {
  const Linker::Closure closure = linker.Resolve(module);
  for (const Linker::Missing& missing : closure.missing) {
    list.Fail("module-needs",
              fmt::format("{}, which {} needs, is in none of the linker's folders", missing.name,
                          missing.needed_by),
              "install the vendor's client with all its packages; if the file is there, name its "
              "folder in /etc/ld.so.conf.d/ and run ldconfig (LD_LIBRARY_PATH is not used)");
  }
  if (closure.missing.empty()) {
    list.Pass("module-needs", fmt::format("{}: all shared libraries that it needs are there ({})",
                                          module, closure.found.size()));
  }
}

void CheckContent(const std::string& module, const Linker& linker, CheckList& list) {
  const ElfFile file(module);
  if (!file.IsForThisMachine() || !file.IsSharedLibrary()) {
    const std::string what = file.IsForThisMachine()
                                 ? "is a program or an object file, no shared library"
                                 : fmt::format("is built for {}; mortise for {}",
                                               file.Architecture(), ElfFile::ThisArchitecture());
    return list.Fail("module-architecture", module + " " + what,
                     "install the vendor's library for this machine, or correct tokens[].module");
  }
  list.Pass("module-architecture", fmt::format("{} is for {}", module, file.Architecture()));
  const ElfFile::Dynamic dynamic = file.ReadDynamic();
  if (file.Exports("C_GetFunctionList")) {
    list.Pass("module-interface", module + " has C_GetFunctionList");
  } else {
    list.Fail("module-interface", module + " is no PKCS#11 library: it has no C_GetFunctionList",
              "correct tokens[].module: vendors install several libraries side by side");
  }
  CheckLibc(dynamic, module, list);
  CheckNeeds(module, linker, list);
}

void CheckModule(const std::string& module, const Linker& linker, CheckList& list) {
  try {
    const ElfFile opened(module);
  } catch (const Error& error) {
    const bool is_denied = error.reason() == Reason::kPermission;
    return list.Fail("module", error.what(),
                     is_denied ? "run this as the user that serves; if it is that user, let it "
                                 "read the file"
                               : kCorrectPath);
  }
  CheckPermissions(module, list);
  try {
    CheckContent(module, linker, list);
  } catch (const Error& error) {
    list.Fail("module", error.what(), "the file is damaged: install the vendor's package again");
  }
}

}  // namespace

std::string NewerThan(const std::vector<std::string>& versions, const std::string& have) {
  constexpr std::string_view kPrefix = "GLIBC_";
  std::string newest;
  auto limit = VersionOf(have);
  for (const std::string& version : versions) {
    if (!version.starts_with(kPrefix)) continue;
    const auto needed = VersionOf(std::string_view(version).substr(kPrefix.size()));
    if (needed <= limit) continue;
    limit = needed;
    newest = version;
  }
  return newest;
}

void CheckLibraries(const std::vector<config::Token>& tokens, const Linker& linker,
                    CheckList& list) {
  std::map<std::string, std::vector<std::string>> users;
  for (const config::Token& token : tokens) users[token.module].push_back(token.name);
  for (const auto& [module, names] : users) {
    if (module.starts_with('/')) {
      CheckModule(module, linker, list);
    } else {
      list.Skip("module", fmt::format("token {}: no absolute path of a module is set",
                                      fmt::join(names, ", ")));
    }
  }
}

}  // namespace mortise::doctor
