// SPDX-License-Identifier: Apache-2.0
#include "doctor/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

// Two nodes that agree, until a test changes what one of them says.
class NodesTest : public testing::Test {
 protected:
  NodesTest() {
    const Json page = {{"version", "1.0.0"},
                       {"revision", "abc"},
                       {"keyrings",
                        {{{"name", "prod"},
                          {"contextTag", "c7d386"},
                          {"ready", true},
                          {"problem", ""},
                          {"activeKeyId", "prod.1.00"},
                          {"generations", {{{"keyId", "prod.1.00"}}}}}}}};
    pages_ = {{"http://a", page}, {"http://b", page}};
  }

  Json& KeyringOfB() { return pages_["http://b"]["keyrings"][0]; }

  std::vector<std::string> Look(const std::vector<std::string>& urls = {"http://a", "http://b"}) {
    const auto read = [this](const std::string& url) {
      if (!pages_.contains(url)) throw Error(Reason::kUnavailable, "connection refused");
      return pages_[url];
    };
    CheckNodes(urls, read, list_);
    return Verdicts(list_);
  }

  std::map<std::string, Json> pages_;
  CheckList list_{"cluster"};
};

TEST_F(NodesTest, NodesThatAgreePass) {
  EXPECT_THAT(Look(), ElementsAre("pass node", "pass node", "pass nodes-version",
                                  "pass nodes-context", "pass nodes-key"));
}

TEST_F(NodesTest, AnotherContextFails) {
  KeyringOfB()["contextTag"] = "ffffff";
  EXPECT_THAT(Look(), Contains("fail nodes-context"));
  EXPECT_THAT(FirstProblem(list_), AllOf(HasSubstr("ffffff: http://b"), HasSubstr("c7d386")));
}

TEST_F(NodesTest, AContextThatAnOlderVersionDoesNotTellIsPassedOver) {
  KeyringOfB().erase("contextTag");
  EXPECT_THAT(Look(), Contains("skip nodes-context"));
}

TEST_F(NodesTest, AnotherActiveKeyFails) {
  KeyringOfB()["activeKeyId"] = "prod.2.00";
  EXPECT_THAT(Look(), Contains("fail nodes-key"));
}

TEST_F(NodesTest, AGenerationThatOneNodeLacksWarns) {
  KeyringOfB()["generations"].push_back({{"keyId", "prod.2.00"}});
  EXPECT_THAT(Look(), Contains("warn nodes-generations"));
}

TEST_F(NodesTest, AnotherVersionWarns) {
  pages_["http://b"]["version"] = "1.1.0";
  EXPECT_THAT(Look(), Contains("warn nodes-version"));
}

TEST_F(NodesTest, AKeyringThatOneNodeLacksFails) {
  pages_["http://b"]["keyrings"] = Json::array();
  EXPECT_THAT(Look(), Contains("fail nodes-keyring"));
}

TEST_F(NodesTest, ANodeThatIsNotReadyFailsWithItsReason) {
  KeyringOfB()["ready"] = false;
  KeyringOfB()["problem"] = "the token is gone";
  EXPECT_THAT(Look(), Contains("fail node"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("the token is gone"));
}

TEST_F(NodesTest, ANodeThatDoesNotAnswerFailsAndOneAloneIsNotCompared) {
  EXPECT_THAT(Look({"http://a", "http://c"}),
              ElementsAre("pass node", "fail node", "skip nodes-equal"));
}

TEST_F(NodesTest, APageWithFieldsOfOtherTypesIsJudgedAndNotTrusted) {
  pages_["http://b"] = {{"version", 7}, {"keyrings", {{{"name", nullptr}, {"activeKeyId", 3}}}}};
  EXPECT_THAT(Look(), Contains("fail node"));
}

}  // namespace
}  // namespace mortise::doctor
