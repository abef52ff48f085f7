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
    target_compile_options(mn_flags INTERFACE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection -fcf-protection -fno-plt)
    target_link_options(mn_flags INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--as-needed)
endif()
if(MN_SANITIZE)
    target_compile_options(mn_flags INTERFACE -fsanitize=${MN_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all -O1 -g)
    target_link_options(mn_flags INTERFACE -fsanitize=${MN_SANITIZE})
endif()
