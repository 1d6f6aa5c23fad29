// Duty: what a release says of itself (the manifest), and where its bytes stand in a bundle and in a
// slot. Trust: the manifest is believed once `verify` of module Signed has made it `Verified`; its
// numbers are bounded even so. Must never name a byte that the manifest's root hash does not cover.

import Bytes
import Verity

/// Blocks are 4096 bytes everywhere.
public let blockSize = VerityGeometry.blockSize
