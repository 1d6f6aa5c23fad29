// Signed
