// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/stack.h"

#include <vector>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/facts/facts.h"
#include "test/support/fault_module/lies/lies.h"

namespace mortise::test {

Layer& StackOn(RealModule& real) {
  static std::vector<std::unique_ptr<Layer>> layers;
  Layer* top = &real;
  for (MakeLayer* const make :
       {MakeFalseCipher, MakeAllowedMechanisms, MakeKwp, MakeWrittenBack, MakeAppended,
        MakePrepended, MakeMessageRandom, MakeFipsNoCaller, MakeNoSessionKeys, MakeAttributeRules,
        MakeTokenFacts, MakeFalseResults}) {
    layers.push_back(make(*top));
    top = layers.back().get();
  }
  return *top;
}

}  // namespace mortise::test
