// SPDX-License-Identifier: Apache-2.0
#include "cli/ceremony.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/version.h"
#include "cli/configured.h"

namespace mortise::cli {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 28;

std::string Now() {
  return FormatTime(std::chrono::floor<std::chrono::seconds>(WallNow()));
}

// sudo's word for who is behind it is a help to a reader, no proof.
std::string Operator() {
  const passwd* const user = getpwuid(geteuid());
  std::string text = fmt::format("{} (uid {})", user == nullptr ? "?" : user->pw_name, geteuid());
  if (const char* behind = std::getenv("SUDO_USER"))
    text += ", by sudo from " + Printable(behind, 64);
  return text;
}

std::string DigestOfFile(const std::string& path) {
  try {
    return ToHex(Sha256::Of(AsBytes(ReadFile(path, kLargestFile))));
  } catch (const Error& error) {
    return std::string("cannot be read: ") + error.what();
  }
}

bool NeedsQuotes(std::string_view word) {
  return word.empty() || word.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_-./:=@%+,") != std::string_view::npos;
}

}  // namespace

Ceremony::Ceremony(const std::string& path, const std::string& command)
    : path_(path), file_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
  if (file_.get() < 0) {
    throw Error(Reason::kConfig,
                "--ceremony " + path + ": " + ErrnoText(errno) +
                    "; name a file that does not exist yet, in a folder that can be written");
  }
  Write("Mortise key ceremony");
  Write("");
  Note("begun", Now());
  Note("host", HostName());
  Note("operator", Operator());
  Note("program", fmt::format("mortise {} ({})", Version(), BuildId()));
  NoteFile("executable", "/proc/self/exe");
  Note("command", command);
}

void Ceremony::BeginSteps() {
  Write("");
}

void Ceremony::NoteFile(std::string_view name, const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::canonical(path, ignored);
  Note(name, ignored ? path : real.string());
  Note("  SHA-256", DigestOfFile(path));
}

void Ceremony::Note(std::string_view name, std::string_view value) {
  Write(fmt::format("{:<14}{}", name, Printable(value, 4096)));
}

void Ceremony::Step(std::string_view what) {
  Write(fmt::format("{}  {}", Now(), Printable(what, 4096)));
}

void Ceremony::Close(std::string_view result) {
  Write("");
  Note("result", result);
  Note("ended", Now());
  Write("");
  for (const char* who : {"operator", "witness", "witness"})
    Write(fmt::format(
        "{:<14}name ____________________  date __________  signature ____________________", who));
}

void Ceremony::Write(const std::string& line) {
  const std::string text = line + "\n";
  if (write(file_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file_.get()) != 0) {
    throw Error(Reason::kStateUnusable, "the transcript " + path_ +
                                            " cannot be written: " + ErrnoText(errno) +
                                            "; free space there and look with "
                                            "`mortise key list` at what was done so far");
  }
}

std::string CommandLine() {
  std::string line;
  const std::string arguments = ReadFile("/proc/self/cmdline");
  for (std::size_t begin = 0; begin < arguments.size();) {
    const std::size_t end = std::min(arguments.find('\0', begin), arguments.size());
    const std::string word = arguments.substr(begin, end - begin);
    line += line.empty() ? "" : " ";
    line += NeedsQuotes(word) ? "'" + word + "'" : word;
    begin = end + 1;
  }
  return line;
}

}  // namespace mortise::cli
