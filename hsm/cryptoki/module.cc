// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/bytes.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// Where a library hands out its functions.
struct Entries {
  const char* functions;
  const char* interface;
};
constexpr Entries kStandard = {"C_GetFunctionList", "C_GetInterface"};
// NSS softokn keeps its FIPS token behind entries of its own.
constexpr Entries kFips = {"FC_GetFunctionList", "FC_GetInterface"};

// Whoever loads NSS softokn, NSS itself included, takes the FIPS token when `flags=` in the
// parameters names FIPS.
Entries EntriesFor(const std::string& init_args) {
  std::string text = " " + init_args;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t flags = text.find(" flags=");
  if (flags == std::string::npos) return kStandard;
  const std::string value = text.substr(flags, text.find(' ', flags + 1) - flags);
  return value.find("fips") != std::string::npos ? kFips : kStandard;
}

void* Open(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(Reason::kUnavailable,
                fmt::format("cannot load the PKCS#11 module {}: {}; check tokens[].module and that "
                            "the vendor's client is installed",
                            path, dlerror()));
  }
  return library;
}

CK_FUNCTION_LIST* FunctionsOf(void* library, const std::string& path, const char* entry) {
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

// Whatever is wrong with the newer list, the older one serves.
const v3::CK_FUNCTION_LIST_3_0* NewerFunctionsOf(void* library, const char* entry) {
  const auto get_interface = reinterpret_cast<v3::CK_C_GetInterface>(dlsym(library, entry));
  if (get_interface == nullptr) return nullptr;
  CK_UTF8CHAR name[] = "PKCS 11";
  CK_VERSION version{3, 0};
  v3::CK_INTERFACE* found = nullptr;
  if (get_interface(name, &version, &found, 0) != CKR_OK || found == nullptr) return nullptr;
  const auto* functions = static_cast<const v3::CK_FUNCTION_LIST_3_0*>(found->pFunctionList);
  // A list of v2.40 under the wrong name is shorter than what would be read of it.
  if (functions == nullptr || functions->v240.version.major < 3) return nullptr;
  const bool has_messages = functions->C_MessageEncryptInit != nullptr &&
                            functions->C_EncryptMessage != nullptr &&
                            functions->C_MessageEncryptFinal != nullptr;
  return has_messages ? functions : nullptr;
}

}  // namespace

Module::Module(const std::string& path, const std::string& init_args) {
  const Entries entries = EntriesFor(init_args);
  void* const library = Open(path);
  p11_ = FunctionsOf(library, path, entries.functions);
  p11_v3_ = NewerFunctionsOf(library, entries.interface);
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

bool HasMechanism(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism,
                  CK_FLAGS flags) {
  CK_MECHANISM_INFO info{};  // zeros: SoftHSM 2.6.1 adds its flags to what is there
  const CK_RV rv = p11.C_GetMechanismInfo(slot, mechanism, &info);
  if (rv == CKR_MECHANISM_INVALID) return false;
  Check(rv, "C_GetMechanismInfo");
  return (info.flags & flags) == flags;
}

std::string FromPadded(const CK_UTF8CHAR* field, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  const std::size_t end = text.find_last_not_of(' ');
  return Printable(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

}  // namespace mortise::hsm
