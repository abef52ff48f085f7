# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags of every target (docs/decisions has the reasons).
add_library(mn_flags INTERFACE)
target_compile_features(mn_flags INTERFACE c_std_17)
set(CMAKE_C_EXTENSIONS OFF)
target_compile_definitions(mn_flags INTERFACE _GNU_SOURCE MN_VERSION="${PROJECT_VERSION}")
target_compile_options(mn_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wformat=2 -Wundef -Wpointer-arith -Wvla -Wwrite-strings -Wimplicit-fallthrough -Wswitch-enum
    -fvisibility=hidden -fno-common -fno-strict-overflow -include ${CMAKE_SOURCE_DIR}/src/base/banned.h)
target_include_directories(mn_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(MN_WERROR)
    target_compile_options(mn_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    set(fortify 2)
    if(CMAKE_C_COMPILER_ID STREQUAL "Clang" OR CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
        set(fortify 3) # sizes that are known at run time only
    endif()
    target_compile_options(mn_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${fortify}
        -fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-plt)
    # The linker marks what all objects have, and those of Debian's C library that start a program
    # have no mark. A shadow stack asks nothing of them; landing pads (IBT) they lack: not claimed.
    target_link_options(mn_flags INTERFACE -pie -Wl,-z,relro,-z,now -Wl,-z,shstk -Wl,--as-needed)
endif()
if(MN_SANITIZE)
    target_compile_options(mn_flags INTERFACE -fsanitize=${MN_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all -O1 -g)
    target_link_options(mn_flags INTERFACE -fsanitize=${MN_SANITIZE})
endif()
