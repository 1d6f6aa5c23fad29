// BootState
