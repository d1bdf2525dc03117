// SPDX-License-Identifier: Apache-2.0
// What kube-apiserver demands of a KMS v2 plugin's answers. Each rule gives what is
// wrong, as a sentence, or nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mortise::cli {

std::string VersionProblem(std::string_view version);
std::string HealthzProblem(std::string_view healthz);
std::string KeyIdProblem(std::string_view key_id);
std::string CiphertextProblem(std::string_view ciphertext);
std::string AnnotationsProblem(const std::map<std::string, std::string>& annotations);

}  // namespace mortise::cli
