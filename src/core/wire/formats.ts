/**
 * First bytes of MessagePack values and the extension types of this package. Each kind of value
 * has exactly one form: the shortest one, or the one fixed here, so that equal values have equal
 * bytes.
 */

export const FIXMAP = 0x80;
export const FIXARRAY = 0x90;
export const FIXSTR = 0xa0;
export const NIL = 0xc0;
export const FALSE = 0xc2;
export const TRUE = 0xc3;
export const BIN8 = 0xc4;
export const BIN16 = 0xc5;
export const BIN32 = 0xc6;
export const EXT8 = 0xc7;
export const EXT16 = 0xc8;
export const EXT32 = 0xc9;
export const FLOAT64 = 0xcb;
export const UINT8 = 0xcc;
export const UINT16 = 0xcd;
export const UINT32 = 0xce;
export const UINT64 = 0xcf;
export const INT8 = 0xd0;
export const INT16 = 0xd1;
export const INT32 = 0xd2;
export const INT64 = 0xd3;
export const FIXEXT1 = 0xd4;
export const STR8 = 0xd9;
export const STR16 = 0xda;
export const STR32 = 0xdb;
export const ARRAY16 = 0xdc;
export const ARRAY32 = 0xdd;
export const MAP16 = 0xde;
export const MAP32 = 0xdf;

/** Always `FIXEXT1`, one zero byte. */
export const EXT_UNDEFINED = 0;
/** `EXT8` or `EXT16`: incarnation in 8 bytes, serial as a varint, node name in ASCII. */
export const EXT_PID = 1;
/** `EXT8` or `EXT16`: 0 or 1 for the sign, magnitude big-endian without leading zeros. */
export const EXT_BIGINT = 2;
/** Always `EXT32`: one MessagePack map with any keys. */
export const EXT_MAP = 3;
/** Always `EXT32`: one MessagePack array. */
export const EXT_SET = 4;
/** MessagePack's own type -1, always `EXT8` with 12 bytes: nanoseconds, then seconds. */
export const EXT_TIMESTAMP = 0xff;
export const TIMESTAMP_BYTES = 12;

export const TWO_32 = 0x1_0000_0000;
