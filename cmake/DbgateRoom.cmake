# One CMake target per room. The link list of a room is its row in the table of docs/architecture.md:
# what it does not link it may not include, and tests/lint checks the #include lines as well.

add_library(dbgate_options INTERFACE)
target_include_directories(dbgate_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(dbgate_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror $<$<CONFIG:Debug>:-O0>)
# Plain conditions: a list of sanitizers has a comma, which a generator expression would take for its own.
if(DBGATE_SANITIZE)
  target_compile_options(dbgate_options INTERFACE
    -fsanitize=${DBGATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dbgate_options INTERFACE -fsanitize=${DBGATE_SANITIZE})
endif()
if(DBGATE_FUZZ)
  target_compile_options(dbgate_options INTERFACE -fsanitize=fuzzer-no-link -UNDEBUG)  # asserts are checks as well
  target_link_options(dbgate_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# dbgate_room(NAME [DEPS target…] [PRIVATE_DEPS target…] [ASIO])
# Makes the library dbgate_NAME from the sources beside the calling CMakeLists.txt. ASIO marks a room whose sources
# mostly use Asio: it gets the shared precompiled header.
function(dbgate_room name)
  cmake_parse_arguments(ROOM "ASIO" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp *.c)
  if(sources)
    add_library(dbgate_${name} STATIC ${sources})
    target_link_libraries(dbgate_${name} PUBLIC dbgate_options ${ROOM_DEPS} PRIVATE ${ROOM_PRIVATE_DEPS})
    if(ROOM_ASIO AND NOT DBGATE_FUZZ)
      target_precompile_headers(dbgate_${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/asio_pch.h)
      target_compile_options(dbgate_${name} PRIVATE -Xclang -fno-pch-timestamp)
    endif()
  else()
    add_library(dbgate_${name} INTERFACE)
    target_link_libraries(dbgate_${name} INTERFACE dbgate_options ${ROOM_DEPS} ${ROOM_PRIVATE_DEPS})
  endif()
endfunction()

# dbgate_unit_tests(ROOM [DEPS target…]): one executable per room from the sources beside the calling CMakeLists.txt.
function(dbgate_unit_tests room)
  cmake_parse_arguments(TEST "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(unit_${room} ${sources})
  target_link_libraries(unit_${room} PRIVATE dbgate_${room} ${TEST_DEPS} GTest::gmock_main)
  target_include_directories(unit_${room} PRIVATE ${PROJECT_SOURCE_DIR})
  gtest_discover_tests(unit_${room} TEST_PREFIX "unit.${room}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# dbgate_tests_on_postgresql(ROOM [FILTER pattern]): the same tests once more, with stores of tests::TestStore in PostgreSQL.
# One run for all, as a server is started for it.
function(dbgate_tests_on_postgresql room)
  cmake_parse_arguments(TEST "" "FILTER" "" ${ARGN})
  if(NOT TEST_FILTER)
    set(TEST_FILTER *)
  endif()
  add_test(NAME unit.${room}.postgresql COMMAND unit_${room} --gtest_filter=${TEST_FILTER})
  set_tests_properties(unit.${room}.postgresql PROPERTIES LABELS unit TIMEOUT 600 ENVIRONMENT DBGATE_TEST_STORE=postgresql)
endfunction()

# dbgate_fuzzer(NAME DEPS target…): fuzz_NAME from NAME.cpp. With DBGATE_FUZZ it explores; otherwise it is linked with
# replay_main.cpp and ctest runs it once over its committed corpus.
function(dbgate_fuzzer name)
  cmake_parse_arguments(FUZZ "" "" "DEPS" ${ARGN})
  add_executable(fuzz_${name} ${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE ${FUZZ_DEPS})
  if(DBGATE_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzzers)
      add_custom_target(fuzzers)
    endif()
    add_dependencies(fuzzers fuzz_${name})
  else()
    target_sources(fuzz_${name} PRIVATE replay_main.cpp)
    add_test(NAME fuzz.${name}.corpus COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    set_tests_properties(fuzz.${name}.corpus PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
endfunction()
