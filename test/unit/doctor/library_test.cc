// SPDX-License-Identifier: Apache-2.0
#include "doctor/library.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "doctor/elf_file.h"
#include "test/support/softhsm_token.h"
#include "test/support/temp_dir.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

// Copies of SoftHSM2's module, each damaged in its own way.
class LibraryTest : public testing::Test {
 protected:
  LibraryTest() : good_(ReadFile(test::SoftHsmToken::Module(), 64 << 20)) {}

  std::string Put(const std::string& bytes, const std::string& name = "module.so") {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
    chmod((dir_ / name).c_str(), 0644);
    return dir_ / name;
  }
  std::string Patched(std::size_t at, char byte) const {
    std::string bytes = good_;
    bytes[at] = byte;
    return bytes;
  }
  // The same bytes everywhere that the text stands, with one letter changed.
  std::string Renamed(const std::string& from, const std::string& to) const {
    std::string bytes = good_;
    for (std::size_t at = 0; (at = bytes.find(from, at)) != bytes.npos; at += to.size()) {
      bytes.replace(at, to.size(), to);
    }
    return bytes;
  }
  static CheckList Look(const std::string& module, const Linker& linker = Linker::OfThisSystem()) {
    config::Token token;
    token.name = "hsm-a";
    token.module = module;
    CheckList list("library");
    CheckLibraries({token}, linker, list);
    return list;
  }

  test::TempDir dir_;
  std::string good_;
};

TEST_F(LibraryTest, AGoodModulePasses) {
  EXPECT_THAT(Verdicts(Look(Put(good_))),
              ElementsAre("pass module-permissions", "pass module-architecture",
                          "pass module-interface", "pass module-needs"));
}

TEST_F(LibraryTest, AMissingModuleFails) {
  EXPECT_THAT(Verdicts(Look(dir_ / "none.so")), ElementsAre("fail module"));
}

TEST_F(LibraryTest, AFileThatIsNoLibraryFails) {
  EXPECT_THAT(Verdicts(Look(Put("#!/bin/sh\necho not a library\n"))), ElementsAre("fail module"));
  EXPECT_THAT(Verdicts(Look(Put(""))), ElementsAre("fail module"));
}

TEST_F(LibraryTest, AFolderOrAPipeInPlaceOfTheModuleFailsWithoutWaiting) {
  fs::create_directory(dir_ / "folder.so");
  EXPECT_THAT(Verdicts(Look(dir_ / "folder.so")), ElementsAre("fail module"));
  ASSERT_EQ(mkfifo((dir_ / "pipe.so").c_str(), 0600), 0);
  EXPECT_THAT(FirstProblem(Look(dir_ / "pipe.so")), HasSubstr("not a plain file"));
}

TEST_F(LibraryTest, AModuleOfAnotherProcessorFailsAndBothAreNamed) {
  const CheckList list = Look(Put(Patched(18, EM_PPC64)));
  EXPECT_THAT(Verdicts(list), ElementsAre("pass module-permissions", "fail module-architecture"));
  EXPECT_THAT(FirstProblem(list),
              AllOf(HasSubstr("POWER"), HasSubstr(ElfFile::ThisArchitecture())));
}

TEST_F(LibraryTest, AModuleOfAnotherWordSizeOrByteOrderFails) {
  EXPECT_THAT(FirstProblem(Look(Put(Patched(EI_CLASS, ELFCLASS32)))), HasSubstr("32 bit"));
  EXPECT_THAT(FirstProblem(Look(Put(Patched(EI_DATA, ELFDATA2MSB)))), HasSubstr("big-endian"));
}

TEST_F(LibraryTest, AProgramFails) {
  EXPECT_THAT(Verdicts(Look(Put(Patched(16, ET_EXEC)))), Contains("fail module-architecture"));
}

TEST_F(LibraryTest, AModuleWithoutTheStandardsFirstFunctionFails) {
  EXPECT_THAT(Verdicts(Look(Put(Renamed("C_GetFunctionList", "X_GetFunctionList")))),
              Contains("fail module-interface"));
}

TEST_F(LibraryTest, ALibraryThatIsMissingIsNamedWithWhoNeedsIt) {
  const CheckList list = Look(Put(Renamed("libcrypto.so", "libcrypto.sx")));
  EXPECT_THAT(Verdicts(list), Contains("fail module-needs"));
  EXPECT_THAT(FirstProblem(list), AllOf(HasSubstr("libcrypto.sx"), HasSubstr("module.so")));
}

TEST_F(LibraryTest, ALibraryIsFoundInTheLinkersCacheAndIfOfAnotherProcessorPassedOver) {
  const std::string module = Put(good_), other = Put(Patched(18, EM_PPC64), "libcrypto.so.3");
  const ElfFile::Dynamic dynamic = ElfFile(module).ReadDynamic();
  ASSERT_THAT(dynamic.needed, Contains("libcrypto.so.3"));
  EXPECT_THAT(Linker({}, {}).Resolve(module).missing.size(), dynamic.needed.size());
  const Linker misled({{"libcrypto.so.3", other}}, {});
  EXPECT_THAT(misled.Resolve(module).missing.size(), dynamic.needed.size());
  const std::string real = Put(good_, "stand-in.so");
  const Linker led({{"libcrypto.so.3", other}, {"libcrypto.so.3", real}}, {});
  EXPECT_THAT(led.Resolve(module).found, ElementsAre(real));
}

// Every prefix of a library is a damaged one, and so is every library with a byte changed in
// what its headers and tables say: none may crash, hang or pass for sound by accident.
TEST_F(LibraryTest, NoTruncatedLibraryIsReadBeyondItsEnd) {
  for (std::size_t size = 0; size < good_.size(); size += 1 + size / 16) {
    EXPECT_THAT(Verdicts(Look(Put(good_.substr(0, size)))), Contains(HasSubstr("fail module")))
        << size;
  }
}

TEST_F(LibraryTest, NoDamagedHeaderIsTrusted) {
  for (std::size_t at = 0; at < 1024; ++at) {
    const std::string module = Put(Patched(at, static_cast<char>(good_[at] ^ 0xff)));
    EXPECT_THAT(Verdicts(Look(module)), testing::Not(IsEmpty())) << at;
  }
}

TEST_F(LibraryTest, AModuleThatOthersMayReplaceFails) {
  const std::string module = Put(good_);
  chmod(module.c_str(), 0666);
  EXPECT_THAT(Verdicts(Look(module)), Contains("fail module-permissions"));
  chmod(module.c_str(), 0644);
  chmod(dir_.path().c_str(), 0777);
  EXPECT_THAT(Verdicts(Look(module)), Contains("fail module-permissions"));
  chmod(dir_.path().c_str(), 0700);
}

TEST_F(LibraryTest, AVersionOfGlibcThatIsNewerIsFound) {
  EXPECT_EQ(NewerThan({"GLIBC_2.2.5", "GLIBC_2.36", "GLIBC_PRIVATE"}, "2.36"), "");
  EXPECT_EQ(NewerThan({"GLIBC_2.38", "GLIBC_2.9", "GLIBC_2.40"}, "2.36"), "GLIBC_2.40");
}

TEST_F(LibraryTest, TwoTokensOfOneModuleHaveItLookedAtOnce) {
  config::Token token;
  token.module = Put(good_);
  CheckList list("library");
  CheckLibraries({token, token}, Linker::OfThisSystem(), list);
  EXPECT_EQ(list.checks().size(), 4u);
}

TEST_F(LibraryTest, TheSystemsLinkerCacheCanBeReadAndATruncatedOneIsHarmless) {
  std::string bytes;
  try {
    bytes = ReadFile("/etc/ld.so.cache", 64 << 20);
  } catch (const Error&) {
    GTEST_SKIP() << "this system has no linker cache";
  }
  EXPECT_THAT(ParseLinkerCache(bytes), Contains(testing::Key("libc.so.6")));
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    ParseLinkerCache(bytes.substr(0, size));
  }
}

}  // namespace
}  // namespace mortise::doctor
