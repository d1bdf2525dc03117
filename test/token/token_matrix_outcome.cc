// SPDX-License-Identifier: Apache-2.0
#include "test/token/token_matrix_outcome.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace mortise::test {
namespace {

using nlohmann::json;

constexpr const char* kFolder = MORTISE_MATRIX_FOLDER;

json ToJson(hsm::SchemeId scheme, config::IvMode mode) {
  return {{"scheme", hsm::Name(scheme)},
          {"ivMode", mode == config::IvMode::kAuto ? "" : WordFor(mode)}};
}

std::string RemarkOn(const MatrixToken& token, const hsm::ProbeResult& result) {
  for (const MatrixRow& row : token.rows) {
    if (row.scheme == result.scheme && row.iv_mode == result.iv_mode) return row.remark;
  }
  return {};
}

}  // namespace

MatrixOutcome::MatrixOutcome(const MatrixToken& token)
    : token_(token), file_(std::string(kFolder) + "/" + token.name + ".probe.json") {
  RemoveOld();
}

MatrixOutcome::MatrixOutcome(const MatrixCell& cell)
    : token_(*cell.token),
      file_(std::string(kFolder) + "/" + cell.token->name + "." +
            std::string(hsm::Name(cell.row.scheme)) + "." + std::string(WordFor(cell.row.iv_mode)) +
            ".json") {
  RemoveOld();
}

void MatrixOutcome::RemoveOld() const {
  std::filesystem::create_directories(kFolder);
  std::filesystem::remove(file_);
}

void MatrixOutcome::WriteProbe(const std::string& library, const hsm::TokenDescription& description,
                               const hsm::ProbeTable& table) const {
  json outcome = {
      {"token", token_.name},       {"actedAfter", token_.acted_after}, {"library", library},
      {"model", description.model}, {"firmware", description.firmware}, {"rows", json::array()}};
  for (const hsm::ProbeResult& result : table) {
    json row = ToJson(result.scheme, result.iv_mode);
    row["outcome"] = hsm::Name(result.verdict);
    row["why"] = result.why;
    row["remark"] = RemarkOn(token_, result);
    outcome["rows"].push_back(std::move(row));
  }
  WriteFileAtomically(file_, outcome.dump() + "\n", 0644);
}

void MatrixOutcome::WriteServed(const MatrixRow& row, const Findings& findings) const {
  json outcome = ToJson(row.scheme, row.iv_mode);
  outcome["token"] = token_.name;
  outcome["keysByTool"] = row.is_served_by_tool_keys;
  outcome["waived"] = json::object();
  for (const auto& [kind, attributes] : findings) {
    if (!attributes.empty()) outcome["waived"][std::string(hsm::Describe(kind))] = attributes;
  }
  WriteFileAtomically(file_, outcome.dump() + "\n", 0644);
}

void MatrixOutcome::WriteWithoutKey(const MatrixRow& row, const std::string& why) const {
  json outcome = ToJson(row.scheme, row.iv_mode);
  outcome["token"] = token_.name;
  outcome["whyNoKey"] = why;
  WriteFileAtomically(file_, outcome.dump() + "\n", 0644);
}

}  // namespace mortise::test
