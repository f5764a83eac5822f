# The two kinds of code in this repository and how each is compiled.
#
#   attune_compiler_library(NAME sources... LINK libs...)   code that sees LLVM and MLIR
#   attune_runtime_library(NAME sources... LINK libs...)    code linked into what is compiled: no LLVM, baseline CPU;
#                                                           NAME_aarch64 is the same for another machine, if there is a sysroot

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

set(ATTUNE_WARNINGS -Wall -Wextra -Wpedantic -Wno-unused-parameter)

function(_attune_options target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  target_compile_options(${target} PRIVATE ${ATTUNE_WARNINGS})
endfunction()

# What every target that includes LLVM headers needs: they are system headers, RTTI on, exceptions off.
function(attune_use_llvm target)
  target_include_directories(${target} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  separate_arguments(definitions NATIVE_COMMAND ${LLVM_DEFINITIONS})
  target_compile_definitions(${target} PUBLIC ${definitions})
  target_compile_options(${target} PRIVATE -fno-exceptions)
endfunction()

function(attune_compiler_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  _attune_options(${name})
  attune_use_llvm(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} fmt::fmt MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# A section for each function: products keep only what they use.
set(ATTUNE_RUNTIME_OPTIONS -ffunction-sections -fdata-sections)

# What compiles for 64-bit Arm; empty without a sysroot. A build with sanitizers has one for its own machine alone.
set(ATTUNE_AARCH64_SYSROOT "" CACHE PATH "Headers and libraries to build programs for aarch64 from; scripts/sysroot brings them to build/sysroot")
set(sysroot ${ATTUNE_AARCH64_SYSROOT})
if(NOT sysroot AND EXISTS ${CMAKE_SOURCE_DIR}/build/sysroot/aarch64-linux-gnu/usr/include)
  set(sysroot ${CMAKE_SOURCE_DIR}/build/sysroot/aarch64-linux-gnu)
endif()
set(ATTUNE_AARCH64_OPTIONS)
if(sysroot AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64 AND CMAKE_CXX_COMPILER_ID STREQUAL Clang AND NOT ATTUNE_SANITIZE)
  set(ATTUNE_AARCH64_OPTIONS --target=aarch64-linux-gnu --sysroot=${sysroot})
endif()

# NAME's sources as objects for aarch64.
function(attune_aarch64_objects name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/runtime/include)
  target_compile_options(${name} PRIVATE ${ATTUNE_AARCH64_OPTIONS} ${ATTUNE_WARNINGS} ${ATTUNE_RUNTIME_OPTIONS})
endfunction()

function(attune_runtime_library name)
  cmake_parse_arguments(ARG "" "" "LINK;OPTIONS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  _attune_options(${name})
  target_compile_options(${name} PRIVATE ${ATTUNE_RUNTIME_OPTIONS} ${ARG_OPTIONS})
  if(ATTUNE_AARCH64_OPTIONS)
    attune_aarch64_objects(${name}_aarch64 ${ARG_UNPARSED_ARGUMENTS})
    target_compile_options(${name}_aarch64 PRIVATE ${ARG_OPTIONS})
  endif()
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/runtime/include)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} fmt::fmt Threads::Threads)
endfunction()

function(attune_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  _attune_options(${name})
  attune_use_llvm(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()
