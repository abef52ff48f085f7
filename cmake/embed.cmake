# SPDX-License-Identifier: Apache-2.0
# A file's bytes as C source: cmake -DIN=file -DOUT=file.c -DNAME=mn_x_text -DHEADER=api/x.h -P embed.cmake
file(READ "${IN}" hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n"
    bytes "${bytes}")
file(WRITE "${OUT}" "#include \"${HEADER}\"\n\nconst size_t ${NAME}_size = ${size};\n"
    "const unsigned char ${NAME}[${size}] = {\n${bytes}\n};\n")
