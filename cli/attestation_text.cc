// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string ObjectText(const Json& object) {
  std::vector<Row> rows;
  for (const Json& attribute : object.at("attributes")) {
    const Json& value = attribute.at("value");
    rows.push_back({"    " + Text(attribute.at("name")),
                    value.is_null() ? "not reported" : Text(value),
                    attribute.contains("verdict") ? Text(attribute.at("verdict")) : ""});
  }
  return fmt::format("  {} object  label {}  id {}\n{}", Text(object.at("role")),
                     Text(object.at("label")), Text(object.at("ckaId")), FormatTable(rows));
}

std::string KeyText(const Json& key) {
  const bool is_approved = key.at("approved").get<bool>();
  const bool may_wrap = key.at("mayWrap").get<bool>();
  std::string text = fmt::format(
      "\nkey {}\n  scheme      {}\n  approved    {}: {}\n  activation  {}\n  may wrap    {}\n",
      Text(key.at("keyId")), Text(key.at("scheme")), is_approved ? "yes" : "no",
      Text(key.at("approval")), Text(key.at("activation")),
      may_wrap ? "yes" : "no: " + Text(key.at("problem")));
  for (const Json& object : key.at("objects")) text += ObjectText(object);
  return text;
}

}  // namespace

std::string AttestationText(const Json& document) {
  std::string text = fmt::format(
      "attestation of keyring {} of context {}\ntime      {}\nhost      {}\nmortise   {}\n",
      Text(document.at("keyring")), Text(document.at("context")), Text(document.at("time")),
      Text(document.at("host")), Text(document.at("mortise").at("version")));
  for (const Json& part : document.at("tokens")) {
    const Json& token = part.at("token");
    const Json& library = part.at("library");
    text += fmt::format(
        "\ntoken     {}  label {}  serial {}  {} {}  firmware {}\nlocation  {}\n"
        "library   {}  {}\nSHA-256   {}\n",
        Text(token.at("name")), Text(token.at("label")), Text(token.at("serial")),
        Text(token.at("manufacturer")), Text(token.at("model")), Text(token.at("firmware")),
        token.at("location") == "" ? "not stated (tokens[].location)" : Text(token.at("location")),
        Text(library.at("name")), Text(library.at("path")), Text(library.at("sha256")));
    for (const Json& key : part.at("keys")) text += KeyText(key);
    if (part.at("keys").empty()) text += "no key of this keyring\n";
  }
  return text;
}

}  // namespace mortise::cli
