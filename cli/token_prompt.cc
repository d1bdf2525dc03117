// SPDX-License-Identifier: Apache-2.0
#include "cli/token_prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace mortise::cli {
namespace {

constexpr std::uint8_t kControlC = 3;
constexpr std::size_t kLongestLine = 4096;  // as the terminal's own

// What is typed stays invisible while this lives. Ctrl-C comes as a byte that ends the line:
// as a signal it would end the program and leave the terminal silent.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal) {
    bool is_silent = tcgetattr(terminal_, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ISIG);
    silent.c_lflag |= ICANON;
    silent.c_cc[VEOL] = kControlC;
    // Flushed: what was typed ahead was visible, and not meant for this question.
    is_silent = is_silent && tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
    if (!is_silent) {
      throw Error(Reason::kUnavailable, "the terminal cannot hide what is typed (" +
                                            ErrnoText(errno) + "); put the PIN into a file");
    }
  }
  ~Silence() { tcsetattr(terminal_, TCSAFLUSH, &before_); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int terminal_;
  termios before_{};
};

// With its line end. The kernel gives at most one line at a time.
SecretBytes ReadLine(int terminal) {
  SecretBytes line(kLongestLine);
  ssize_t got = 0;
  do {
    got = read(terminal, line.data(), line.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw Error(Reason::kUnavailable, "the terminal: " + ErrnoText(errno));
  return SecretBytes(line.view().first(static_cast<std::size_t>(got)));
}

SecretBytes WithoutLineEnd(const SecretBytes& line) {
  ByteView text = line.view();
  if (!text.empty() && text.back() == '\n') text = text.first(text.size() - 1);
  return SecretBytes(text);
}

SecretBytes ReadPinFile(const std::string& path, const char* option) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    throw Error(Reason::kConfig, path + " (given by " + option +
                                     "): there is no such file; write the PIN into it with mode "
                                     "0400, or correct the path");
  }
  SecretBytes pin = ReadSecretFile(path);
  if (pin.empty()) {
    throw Error(Reason::kConfig,
                path + " (given by " + option + "): its first line is empty; write the PIN there");
  }
  return pin;
}

}  // namespace

TokenPrompt::TokenPrompt(const std::string& instead) {
  if (isatty(STDIN_FILENO) != 1) {
    throw Error(Reason::kConfig,
                "standard input is no terminal to ask a person on; give " + instead);
  }
  terminal_ = UniqueFd(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal_) terminal_ = UniqueFd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
}

void TokenPrompt::Say(const std::string& text) const {
  for (std::size_t said = 0; said < text.size();) {
    const ssize_t count = write(terminal_.get(), text.data() + said, text.size() - said);
    if (count < 0 && errno != EINTR) {
      throw Error(Reason::kUnavailable, "the terminal: " + ErrnoText(errno));
    }
    if (count > 0) said += static_cast<std::size_t>(count);
  }
}

SecretBytes TokenPrompt::AskPin(const std::string& whose) const {
  SecretBytes line;
  {
    const Silence silence(terminal_.get());
    Say(whose + ": ");
    line = ReadLine(terminal_.get());
  }
  Say("\n");
  if (!line.empty() && line.view().back() == kControlC) {
    throw Error(Reason::kCancelled, "cancelled; nothing was changed");
  }
  SecretBytes pin = WithoutLineEnd(line);
  if (pin.empty()) throw Error(Reason::kConfig, "no PIN was typed; nothing was changed");
  return pin;
}

SecretBytes TokenPrompt::AskNewPin(const std::string& whose) const {
  SecretBytes pin = AskPin(whose);
  const SecretBytes again = AskPin(whose + ", once more");
  if (EqualInConstantTime(pin.view(), again.view())) return pin;
  throw Error(Reason::kConfig, "the two were not the same; nothing was changed");
}

std::string TokenPrompt::AskLine(const std::string& question) const {
  Say(question);
  const SecretBytes line = ReadLine(terminal_.get());
  return std::string(AsText(WithoutLineEnd(line).view()));
}

SecretBytes PinFrom(const std::string& file, const char* option, const std::string& whose) {
  return file.empty() ? TokenPrompt(option).AskPin(whose) : ReadPinFile(file, option);
}

SecretBytes NewPinFrom(const std::string& file, const char* option, const std::string& whose) {
  return file.empty() ? TokenPrompt(option).AskNewPin(whose) : ReadPinFile(file, option);
}

}  // namespace mortise::cli
