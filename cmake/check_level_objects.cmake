# cmake -DNM=... -DREADELF=... -DLEVEL=avx2 -DOBJECTS="a.o;b.o" -P check_level_objects.cmake
#
# Fails if an object compiled for LEVEL
#   * defines a weak function outside the namespace of its level: the linker keeps one definition of
#     those for the whole library, perhaps this one, which a lesser CPU cannot run (constant tables,
#     nm's V and u, may be shared); or
#   * has static initialisers: they would run at load, before the CPU was asked what it can.
string(LENGTH "${LEVEL}" length)
set(mangled "${length}${LEVEL}")
set(problems "")
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --defined-only ${object} OUTPUT_VARIABLE symbols
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(symbol IN LISTS symbols)
    if(symbol MATCHES " W " AND NOT symbol MATCHES "${mangled}")
      string(APPEND problems "${object}: weak function of no level: ${symbol}\n")
    endif()
  endforeach()
  execute_process(COMMAND ${READELF} -SW ${object} OUTPUT_VARIABLE sections
                  COMMAND_ERROR_IS_FATAL ANY)
  if(sections MATCHES "\\.(init_array|ctors)")
    string(APPEND problems "${object}: has static initialisers\n")
  endif()
endforeach()
if(problems)
  message(FATAL_ERROR "${problems}")
endif()
list(LENGTH OBJECTS count)
message(STATUS "${count} objects of level ${LEVEL} are self-contained")
