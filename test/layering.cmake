# SPDX-License-Identifier: Apache-2.0
# Tests of the sources themselves. Debian's own Python, which has Debian's python3-* packages.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

add_test(NAME layering COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/layering.py ${CMAKE_SOURCE_DIR})
add_test(NAME layering_finds_planted_violations
  COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/layering_test.py)
add_test(NAME headers_alone
  COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/headers_alone.py
    ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/compile_commands.json)
add_test(NAME conformance_page_names_tests_that_exist
  COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/conformance_page_test.py)
set_tests_properties(conformance_page_names_tests_that_exist layering layering_finds_planted_violations headers_alone PROPERTIES LABELS unit TIMEOUT 300)
