# Writes build/all/CTestTestfile.cmake: the tests of every build of SUITES under one roof, so that one summary closes
# `./dev test`. Run as a script: cmake -D "SUITES=unit system asan" -D FUZZ_SECONDS=60 -P tests/all.cmake
cmake_minimum_required(VERSION 3.25)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(build ${root}/build)
separate_arguments(suites UNIX_COMMAND "${SUITES}")
set(text "")

function(add name timeout)
  cmake_parse_arguments(PARSE_ARGV 2 arg "SERIAL" "" "COMMAND;ENVIRONMENT;DEPENDS")
  list(JOIN arg_COMMAND "\" \"" command)
  string(APPEND text "add_test([==[${name}]==] \"${command}\")\n"
    "set_tests_properties([==[${name}]==] PROPERTIES TIMEOUT ${timeout} SKIP_RETURN_CODE 77 WORKING_DIRECTORY \"${build}\"")
  if(arg_SERIAL)
    string(APPEND text " RUN_SERIAL ON")
  endif()
  if(arg_DEPENDS)
    list(JOIN arg_DEPENDS ";" depends)
    string(APPEND text " DEPENDS \"${depends}\"")
  endif()
  if(arg_ENVIRONMENT)
    list(JOIN arg_ENVIRONMENT ";" environment)
    string(APPEND text " ENVIRONMENT \"${environment}\"")
  endif()
  set(text "${text})\n" PARENT_SCOPE)
endfunction()

# Without the sanitizer's word on where it ran a failure is hard to read.
set(asan_environment
  "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:suppressions=${root}/tests/ubsan.supp")
set(tsan_environment "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${root}/tests/tsan.supp")

set(rooms core policies monitors backends actors apps import)
foreach(suite IN LISTS suites)
  if(suite STREQUAL "unit")
    foreach(room IN LISTS rooms)
      if(EXISTS ${build}/bin/test_${room})
        add(${room} 300 COMMAND ${build}/bin/test_${room} --durations yes --min-duration 1)
      endif()
    endforeach()
    add(packaging 300 COMMAND python3 ${root}/tests/packaging/check.py ${root} ${build})
    add(install 600 COMMAND ${CMAKE_COMMAND} -D BUILD=${build} -D ROOT=${root} -P ${root}/tests/install/check.cmake)
  elseif(suite STREQUAL "system")
    # One case per file: each says what it is about, and a hang costs one of them only.
    file(GLOB files ${root}/tests/system/*_test.cpp)
    foreach(file IN LISTS files)
      get_filename_component(name ${file} NAME_WE)
      string(REPLACE "_test" "" name ${name})
      if(NOT name STREQUAL "crash") # needs crash points: below, with asan
        add(system.${name} 600 SERIAL COMMAND ${build}/bin/test_system --filenames-as-tags "[#${name}_test]" --durations yes)
      endif()
    endforeach()
    # The page in a real browser, `duende top` in a real pseudo-terminal.
    foreach(name top page)
      add(page.${name} 600 SERIAL COMMAND python3 ${root}/tests/page/${name}_test.py ENVIRONMENT DUENDE_BIN=${build}/bin)
    endforeach()
  elseif(suite STREQUAL "asan" OR suite STREQUAL "tsan")
    foreach(room IN LISTS rooms)
      if(EXISTS ${build}/${suite}/bin/test_${room})
        add(${suite}.${room} 900 COMMAND ${build}/${suite}/bin/test_${room} ENVIRONMENT ${${suite}_environment})
      endif()
    endforeach()
    # The programs themselves under AddressSanitizer, killed at each crash point; what it finds lands in report.*.
    if(suite STREQUAL "asan")
      set(environment DUENDE_BIN=${build}/asan/bin ASAN_OPTIONS=log_path=${build}/asan/report
        UBSAN_OPTIONS=print_stacktrace=1:log_path=${build}/asan/report:suppressions=${root}/tests/ubsan.supp)
      foreach(name crash survive supervise)
        add(asan.system.${name} 900 SERIAL COMMAND ${build}/bin/test_system --filenames-as-tags "[#${name}_test]"
          ENVIRONMENT ${environment})
      endforeach()
      file(GLOB reports ${build}/asan/report.*)
      if(reports)
        file(REMOVE ${reports})
      endif()
      add(asan.system.reports 60 COMMAND sh -c "! cat ${build}/asan/report.* 2>/dev/null | grep ."
        DEPENDS asan.system.crash asan.system.survive asan.system.supervise)
    endif()
  elseif(suite STREQUAL "fuzz")
    file(GLOB programs ${build}/fuzz/bin/fuzz_*)
    math(EXPR limit "${FUZZ_SECONDS} + 120")
    foreach(program IN LISTS programs)
      get_filename_component(name ${program} NAME)
      string(REPLACE "fuzz_" "" name ${name})
      # New inputs go to the build folder; the first seeds are the ones kept with the sources.
      file(MAKE_DIRECTORY ${build}/fuzz/corpus/${name})
      set(seeds ${build}/fuzz/corpus/${name})
      if(EXISTS ${root}/tests/fuzz/corpus/${name})
        list(APPEND seeds ${root}/tests/fuzz/corpus/${name})
      endif()
      # libFuzzer's own exit code for a finding is 77, which means "skipped" here.
      add(fuzz.${name} ${limit} COMMAND ${program} -max_total_time=${FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
        -error_exitcode=1 -timeout_exitcode=1 -verbosity=0 -print_final_stats=1 -artifact_prefix=${build}/fuzz/ ${seeds} ENVIRONMENT ${asan_environment})
    endforeach()
  endif()
endforeach()
file(MAKE_DIRECTORY ${build}/all)
file(WRITE ${build}/all/CTestTestfile.cmake "${text}")
