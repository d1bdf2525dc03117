// SPDX-License-Identifier: Apache-2.0
// What docs/vendors/ tells an operator to write is what config/ takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "config/keys_file.h"
#include "config/loader.h"

namespace mortise::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kPages = MORTISE_VENDOR_PAGES;

std::vector<fs::path> Pages() {
  std::vector<fs::path> pages;
  for (const fs::directory_entry& entry : fs::directory_iterator(kPages)) {
    if (entry.path().extension() == ".md" && entry.path().filename() != "README.md")
      pages.push_back(entry.path());
  }
  std::ranges::sort(pages);
  return pages;
}

std::vector<std::string> YamlOf(const std::string& page) {
  std::vector<std::string> blocks;
  std::istringstream lines(page);
  bool is_inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (!is_inside && line == "```yaml") {
      is_inside = true;
      blocks.emplace_back();
    } else if (line == "```") {
      is_inside = false;
    } else if (is_inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

// What is a configuration of ours, not of a vendor's library.
std::vector<std::string> ConfigurationsOf(const std::string& page) {
  std::vector<std::string> blocks = YamlOf(page);
  std::erase_if(blocks, [](const std::string& block) {
    return !block.starts_with("stateDir:") && !block.starts_with("tokens:");
  });
  return blocks;
}

std::vector<std::string> KeysFilesOf(const std::string& page) {
  std::vector<std::string> blocks = YamlOf(page);
  std::erase_if(blocks,
                [](const std::string& block) { return !block.starts_with("- generation:"); });
  return blocks;
}

TEST(VendorPagesTest, EveryConfigurationIsTaken) {
  ASSERT_FALSE(Pages().empty());
  for (const fs::path& page : Pages()) {
    const std::string name = page.filename();
    for (const std::string& text : ConfigurationsOf(ReadFile(page))) {
      EXPECT_NO_THROW(Parse(text, name));
    }
  }
}

TEST(VendorPagesTest, EveryListOfKeysIsTaken) {
  const fs::path index = kPages / "README.md";
  ASSERT_FALSE(KeysFilesOf(ReadFile(index)).empty());
  std::vector<fs::path> pages = Pages();
  pages.push_back(index);
  for (const fs::path& page : pages) {
    const std::string name = page.filename();
    for (const std::string& text : KeysFilesOf(ReadFile(page))) {
      EXPECT_NO_THROW(ParseKeysFile(text, name));
    }
  }
}

TEST(VendorPagesTest, EveryPageHasOneWholeConfigurationUnlessItSaysNo) {
  for (const fs::path& page : Pages()) {
    const bool says_no = page.filename() == "cloud-managed.md";
    EXPECT_EQ(ConfigurationsOf(ReadFile(page)).size(), says_no ? 0U : 1U) << page;
  }
}

TEST(VendorPagesTest, EveryPageNamesTheCommandThatSettlesWhatItDoesNotKnow) {
  for (const fs::path& page : Pages()) {
    EXPECT_THAT(ReadFile(page), HasSubstr("mortise doctor --config")) << page;
  }
}

TEST(VendorPagesTest, TheIndexHasEveryPage) {
  const std::string index = ReadFile(kPages / "README.md");
  for (const fs::path& page : Pages()) {
    EXPECT_THAT(index, HasSubstr("(" + page.filename().string() + ")"));
  }
}

}  // namespace
}  // namespace mortise::config
