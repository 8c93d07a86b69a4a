# Makes the ROS 2 wheels of PyPI usable by CMake. Included only when building against those wheels: by pip through
# pyproject.toml, or by colcon with -DCMAKE_PROJECT_INCLUDE. A ROS installation never needs it.

# Under scikit-build-core, which sets Python_EXECUTABLE, ROS is found in the prefix of the building Python. Under colcon
# the caller exports AMENT_PREFIX_PATH and CMAKE_PREFIX_PATH.
if(Python_EXECUTABLE)
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c "import sys; print(sys.prefix, end='')"
    OUTPUT_VARIABLE _python_prefix
  )
  list(PREPEND CMAKE_PREFIX_PATH "${_python_prefix}")
  set(ENV{AMENT_PREFIX_PATH} "${_python_prefix}")
  set(Python3_EXECUTABLE "${_python_prefix}/bin/python3" CACHE FILEPATH "")
endif()

# The wheels bake include directories of their build host into their targets; CMake rejects those that do not exist here.
function(_drop_missing_include_directories)
  get_property(_targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(_target IN LISTS _targets)
    get_target_property(_directories ${_target} INTERFACE_INCLUDE_DIRECTORIES)
    if(_directories)
      set(_existing "")
      foreach(_directory IN LISTS _directories)
        if(_directory MATCHES "^\\$<" OR EXISTS "${_directory}")
          list(APPEND _existing "${_directory}")
        endif()
      endforeach()
      set_target_properties(${_target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_existing}")
    endif()
  endforeach()
endfunction()

if(NOT _wheel_targets_are_cleaned)
  set(_wheel_targets_are_cleaned TRUE)
  cmake_language(DEFER CALL _drop_missing_include_directories)
endif()
