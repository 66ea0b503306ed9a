# What every target of the house obeys: the language, the warnings, the sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(troupe_settings INTERFACE)
add_library(troupe::settings ALIAS troupe_settings)
target_include_directories(troupe_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(
  troupe_settings
  INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall
    -Wextra
    -Wpedantic
    -Wconversion
    -Wshadow
    -Werror>)
# g++ 12 sees an overlap in std::string's operator+ that cannot happen (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(troupe_settings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
# The floating-point contract of the CPU kernels: what is written is what is computed.
target_compile_options(troupe_settings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)

if(TROUPE_SANITIZE)
  # CAF 0.17 binds null references in its own headers, hence the exception.
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(TROUPE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=null)
  endif()
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
endif()

# troupe_library(name SOURCES … LINK … PRIVATE_LINK …): a static library of the house.
function(troupe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC troupe::settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# troupe_test(name SOURCES … LINK …): a doctest program; each of its cases is a CTest test.
function(troupe_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE troupe_test_main ${ARG_LINK})
  # Tests are compiled far more often than they run; what they test keeps its optimisation.
  target_compile_options(${name} PRIVATE -O1)
  target_compile_definitions(${name} PRIVATE TROUPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             TROUPE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  doctest_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
