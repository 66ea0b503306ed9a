# The CUDA compiler and its libraries: those of the machine, or the ones that
# tools/install_cuda_toolkit.sh has laid out. Needs no GPU.
set(TROUPE_CUDA_TOOLKIT
    "${CMAKE_SOURCE_DIR}/build/cuda-toolkit"
    CACHE PATH "Where tools/install_cuda_toolkit.sh put a CUDA toolkit")
set(TROUPE_CUDA_ARCHITECTURES
    "80;89;90a"
    CACHE STRING "Compute capabilities to build kernels for")

if(NOT CMAKE_CUDA_COMPILER)
  find_program(
    TROUPE_NVCC nvcc
    HINTS ${CUDAToolkit_ROOT} $ENV{CUDA_HOME} $ENV{CUDA_PATH}
    PATHS /usr/local/cuda ${TROUPE_CUDA_TOOLKIT}
    PATH_SUFFIXES bin)
  if(NOT TROUPE_NVCC)
    message(FATAL_ERROR "TROUPE_CUDA is on and no nvcc was found: install CUDA 13, name it with "
                        "CUDAToolkit_ROOT, or run tools/install_cuda_toolkit.sh")
  endif()
  set(CMAKE_CUDA_COMPILER ${TROUPE_NVCC} CACHE FILEPATH "CUDA compiler" FORCE)
endif()

# The architectures are passed below: CMake 3.25 does not know all of their names.
set(CMAKE_CUDA_ARCHITECTURES OFF)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
enable_language(CUDA)
# Nor does it know that this compiler takes C++20, which CUDA sources inherit from the C++ ones.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "Troupe needs CUDA 13, found ${CMAKE_CUDA_COMPILER_VERSION}")
endif()

# FindCUDAToolkit of CMake 3.25 fails on CUDA 13, which has no nvToolsExt any more. A system-wide
# toolkit's nvcc may be a link from elsewhere.
get_filename_component(TROUPE_CUDA_ROOT ${CMAKE_CUDA_COMPILER} REALPATH)
get_filename_component(TROUPE_CUDA_ROOT ${TROUPE_CUDA_ROOT} DIRECTORY)
get_filename_component(TROUPE_CUDA_ROOT ${TROUPE_CUDA_ROOT} DIRECTORY)
find_path(TROUPE_CUDA_INCLUDE cublasLt.h HINTS ${TROUPE_CUDA_ROOT} PATH_SUFFIXES include REQUIRED)
foreach(library cudart cublasLt)
  find_library(TROUPE_${library} ${library} HINTS ${TROUPE_CUDA_ROOT} PATH_SUFFIXES lib64 lib REQUIRED)
  add_library(troupe::${library} UNKNOWN IMPORTED)
  set_target_properties(
    troupe::${library} PROPERTIES IMPORTED_LOCATION ${TROUPE_${library}}
                                  INTERFACE_INCLUDE_DIRECTORIES ${TROUPE_CUDA_INCLUDE})
endforeach()

set(TROUPE_CUDA_OPTIONS --expt-relaxed-constexpr -lineinfo -Werror=all-warnings
                        -Xcompiler=-Wall,-Wextra,-Werror)
foreach(architecture IN LISTS TROUPE_CUDA_ARCHITECTURES)
  list(APPEND TROUPE_CUDA_OPTIONS
       "SHELL:-gencode arch=compute_${architecture},code=sm_${architecture}")
endforeach()

# troupe_cuda_library(name SOURCES … LINK …): a library of the house with .cu sources.
function(troupe_cuda_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  troupe_library(${name} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK} troupe::cudart troupe::cublasLt)
  target_compile_options(${name} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${TROUPE_CUDA_OPTIONS}>")
endfunction()
