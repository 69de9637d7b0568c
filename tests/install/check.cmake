# Installs the build to a folder of its own, then configures, builds and runs a program of another project against it.
# cmake -D BUILD=... -D ROOT=... -P check.cmake
set(work ${BUILD}/install-check)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
foreach(program duende duended duende-keeper)
  if(NOT EXISTS ${work}/prefix/bin/${program})
    message(FATAL_ERROR "bin/${program} was not installed")
  endif()
endforeach()
run(${CMAKE_COMMAND} -S ${ROOT}/tests/install -B ${work}/build -G Ninja -D CMAKE_BUILD_TYPE=Release
  -D CMAKE_PREFIX_PATH=${work}/prefix)
run(${CMAKE_COMMAND} --build ${work}/build)
# Nothing of the sources may be needed: the installed headers alone were used.
file(READ ${work}/build/build.ninja ninja)
if(ninja MATCHES "-I${ROOT}( |/core|/actors)")
  message(FATAL_ERROR "the consumer was compiled against the sources of ${ROOT}")
endif()
run(${CMAKE_COMMAND} -E env DUENDE_STATE=${work}/state PATH=${work}/prefix/bin:$ENV{PATH} ${work}/build/consumer)
if(NOT output MATCHES "consumer: greeter counted to 3")
  message(FATAL_ERROR "the consumer said: ${output}")
endif()
