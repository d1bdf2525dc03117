// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <regex>

#include "base/bytes.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// NSS softokn keeps its FIPS token behind an entry of its own. Whoever loads it, NSS
// itself included, takes that one when `flags=` in the parameters names FIPS.
bool WantsFips(const std::string& init_args) {
  static const std::regex kFips(R"((^|\s)flags=\S*\bfips\b)", std::regex::icase);
  return std::regex_search(init_args, kFips);
}

CK_FUNCTION_LIST* Load(const std::string& path, const char* entry) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(Reason::kUnavailable,
                fmt::format("cannot load the PKCS#11 module {}: {}; check tokens[].module and that "
                            "the vendor's client is installed",
                            path, dlerror()));
  }
  const auto get_function_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, entry));
  if (get_function_list == nullptr) {
    throw Error(Reason::kUnavailable,
                fmt::format("{} is not a PKCS#11 module: it has no {}; check tokens[].module and "
                            "tokens[].initArgs",
                            path, entry));
  }
  CK_FUNCTION_LIST* p11 = nullptr;
  Check(get_function_list(&p11), entry);
  return p11;
}

}  // namespace

Module::Module(const std::string& path, const std::string& init_args)
    : p11_(Load(path, WantsFips(init_args) ? "FC_GetFunctionList" : "C_GetFunctionList")) {
  // NSS softokn reads one pointer past the standard's structure, so it gets room.
  struct {
    CK_C_INITIALIZE_ARGS args{};
    void* past_the_end = nullptr;
  } room;
  room.args.flags = CKF_OS_LOCKING_OK;
  std::string reserved = init_args;
  if (!reserved.empty()) room.args.pReserved = reserved.data();
  Check(p11_->C_Initialize(&room.args), "C_Initialize");

  CK_INFO info{};
  Check(p11_->C_GetInfo(&info), "C_GetInfo");
  library_ =
      fmt::format("{} {}.{}", FromPadded(info.libraryDescription, sizeof(info.libraryDescription)),
                  info.libraryVersion.major, info.libraryVersion.minor);
}

Module::~Module() {
  p11_->C_Finalize(nullptr);
}

std::string FromPadded(const CK_UTF8CHAR* field, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  const std::size_t end = text.find_last_not_of(' ');
  return Printable(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

}  // namespace mortise::hsm
