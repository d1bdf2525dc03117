// SPDX-License-Identifier: Apache-2.0
// The forms that texts must have. Each answers what is wrong, or empty text.
#pragma once

#include <string>

namespace mortise::config {

std::string ProblemOfTokenName(const std::string& name);
std::string ProblemOfKeyringName(const std::string& name);
std::string ProblemOfContext(const std::string& context);
std::string ProblemOfPath(const std::string& path);
std::string ProblemOfSocket(const std::string& path);
std::string ProblemOfAddress(const std::string& address);
std::string ProblemOfDate(const std::string& text);
std::string ProblemOfUserType(const std::string& type);
std::string ProblemOfVariable(const std::string& name);
std::string ProblemOfWaiver(const std::string& attribute);

}  // namespace mortise::config
