# Finds CAF 0.17 (Debian ships no CMake package of it). Honours CAF_ROOT. Defines CAF::core.
find_path(CAF_INCLUDE_DIR caf/all.hpp HINTS ${CAF_ROOT}/include)
find_library(CAF_CORE_LIBRARY caf_core HINTS ${CAF_ROOT}/lib)

if(CAF_INCLUDE_DIR)
  file(STRINGS ${CAF_INCLUDE_DIR}/caf/config.hpp CAF_VERSION_LINE REGEX "#define CAF_VERSION ")
  string(REGEX REPLACE "[^0-9]*([0-9]+).*" "\\1" CAF_VERSION_NUMBER "${CAF_VERSION_LINE}")
  if(NOT CAF_VERSION_NUMBER MATCHES "^17[0-9][0-9]$")
    message(FATAL_ERROR "Troupe needs CAF 0.17, found version ${CAF_VERSION_NUMBER}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR)

if(CAF_FOUND AND NOT TARGET CAF::core)
  find_package(Threads REQUIRED)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(
    CAF::core PROPERTIES IMPORTED_LOCATION ${CAF_CORE_LIBRARY}
                         INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR}
                         INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
