# SPDX-License-Identifier: Apache-2.0
# Run at each build: writes OUTPUT from version.cc.in, untouched while nothing has
# changed. Without git, or in an unpacked archive, the revision is "unknown".
set(MORTISE_VERSION ${VERSION})
set(MORTISE_REVISION "unknown")
set(MORTISE_BUILD_TIME "0")

function(git result)
  execute_process(COMMAND git -C ${SOURCE_DIR} ${ARGN}
    OUTPUT_VARIABLE output ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    set(output "")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

# An archive unpacked inside another project's work tree is not that project.
git(top rev-parse --show-toplevel)
if(top)
  file(REAL_PATH ${top} top)
  file(REAL_PATH ${SOURCE_DIR} source)
  if(top STREQUAL source)
    git(revision describe --always --dirty --abbrev=12 --exclude=*)
    git(time log -1 --format=%ct)
    if(revision)
      set(MORTISE_REVISION ${revision})
    endif()
    if(time)
      set(MORTISE_BUILD_TIME ${time})
    endif()
  endif()
endif()

if("$ENV{SOURCE_DATE_EPOCH}" MATCHES "^[0-9]+$")
  set(MORTISE_BUILD_TIME $ENV{SOURCE_DATE_EPOCH})
endif()
configure_file(${INPUT} ${OUTPUT} @ONLY)
