// SPDX-License-Identifier: Apache-2.0
#include "hsm/jws.h"

#include <nlohmann/json.hpp>

namespace mortise::hsm {

using Json = nlohmann::ordered_json;

Json SignJws(const Session& session, const SigningKey& key, std::string_view payload) {
  const Json header = {{"alg", key.algorithm}, {"kid", key.label}};
  const std::string protected_part =
      ToBase64Url(AsBytes(header.dump(-1, ' ', false, Json::error_handler_t::replace)));
  const std::string payload_part = ToBase64Url(AsBytes(payload));
  const std::string signed_part = protected_part + "." + payload_part;
  const Bytes signature = SignWith(session, key, AsBytes(signed_part));
  return {{"payload", payload_part},
          {"protected", protected_part},
          {"signature", ToBase64Url(signature)}};
}

}  // namespace mortise::hsm
