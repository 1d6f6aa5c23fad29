// Verity
