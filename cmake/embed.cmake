# SPDX-License-Identifier: Apache-2.0
# A file as a struct mn_asset (src/api/asset.h) in C:
# cmake -DIN=file -DOUT=file.c -DNAME=mn_x -DTYPE=text/x -P embed.cmake
file(READ "${IN}" hex HEX)
file(SHA256 "${IN}" hash)
string(SUBSTRING "${hash}" 0 32 hash) # half of it tells any two versions apart
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n"
    bytes "${bytes}")
file(WRITE "${OUT}" "#include \"api/asset.h\"\n\nstatic const unsigned char bytes[${size}] = {\n${bytes}\n};\n"
    "const struct mn_asset ${NAME} = {bytes, ${size}, \"${TYPE}\", \"\\\"${hash}\\\"\"};\n")
