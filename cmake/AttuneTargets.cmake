# The two kinds of code in this repository and how each is compiled.
#
#   attune_compiler_library(NAME sources... LINK libs...)   code that sees LLVM and MLIR
#   attune_runtime_library(NAME sources... LINK libs...)    code linked into what is compiled: no LLVM, baseline CPU

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

function(attune_runtime_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  _attune_options(${name})
  target_compile_options(${name} PRIVATE ${ATTUNE_RUNTIME_OPTIONS})
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
