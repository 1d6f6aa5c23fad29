// What libtss2-sys sends for a command: the byte-for-byte oracle of module TPM. Its transport only
// keeps the command. Each function writes the command to `out` (4096 bytes) and returns its length, or 0.
#pragma once
#include <stddef.h>
#include <stdint.h>

size_t oracle_startup(uint8_t *out);
size_t oracle_get_random(uint8_t *out, uint16_t count);
size_t oracle_get_identity(uint8_t *out);
size_t oracle_flush(uint8_t *out, uint32_t handle);
size_t oracle_pcr_extend(uint8_t *out, uint32_t index, const uint8_t digest[32]);
size_t oracle_pcr_read(uint8_t *out, uint32_t bits);
size_t oracle_nv_read_public(uint8_t *out, uint32_t index);
size_t oracle_nv_define_counter(uint8_t *out, uint32_t index);
size_t oracle_nv_increment(uint8_t *out, uint32_t index);
size_t oracle_nv_read(uint8_t *out, uint32_t index);
size_t oracle_nv_undefine(uint8_t *out, uint32_t index);
size_t oracle_create_primary(uint8_t *out, uint32_t kind, const char *label);
size_t oracle_sign(uint8_t *out, uint32_t handle, const uint8_t digest[32]);
size_t oracle_agree(uint8_t *out, uint32_t handle, const uint8_t point[64]);
size_t oracle_quote(uint8_t *out, uint32_t handle, uint32_t bits, const uint8_t *nonce, size_t nonce_count);
