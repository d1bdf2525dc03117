// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace mortise::metrics {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

// `name{a="b",c="d"} 1` of the text format, whose label values here hold no quotes;
// nothing for a line of another form.
inline std::optional<Sample> ParseSample(const std::string& line) {
  Sample sample;
  const std::size_t name_end = line.find_first_of("{ ");
  if (name_end == line.npos) return {};
  sample.name = line.substr(0, name_end);
  std::size_t at = name_end;
  if (line[at] == '{') {
    const std::size_t close = line.find('}', at);
    while (close != line.npos && at < close) {
      const std::size_t equals = line.find("=\"", ++at);
      const std::size_t quote = equals == line.npos ? equals : line.find('"', equals + 2);
      if (quote == line.npos) return {};
      sample.labels[line.substr(at, equals - at)] = line.substr(equals + 2, quote - equals - 2);
      at = quote + 1;
    }
    if (at != close) return {};
    ++at;
  }
  std::istringstream rest(line.substr(at));
  if (!(rest >> sample.value) || !(rest >> std::ws).eof()) return {};
  return sample;
}

// Every sample of a page; a line that is neither one nor a comment fails the test.
inline std::vector<Sample> Samples(const std::string& page) {
  std::vector<Sample> samples;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# HELP ", 0) == 0 || line.rfind("# TYPE ", 0) == 0) continue;
    const auto sample = ParseSample(line);
    if (sample) {
      samples.push_back(*sample);
    } else {
      ADD_FAILURE() << "not a sample: " << line;
    }
  }
  return samples;
}

// The value of the one series of that name with these labels among its own; NaN when
// there is none, or several.
inline double Value(const std::string& page, const std::string& name,
                    const std::map<std::string, std::string>& labels = {}) {
  std::vector<double> values;
  for (const Sample& sample : Samples(page)) {
    const bool matches =
        std::includes(sample.labels.begin(), sample.labels.end(), labels.begin(), labels.end());
    if (sample.name == name && matches) values.push_back(sample.value);
  }
  return values.size() == 1 ? values[0] : std::nan("");
}

}  // namespace mortise::metrics
