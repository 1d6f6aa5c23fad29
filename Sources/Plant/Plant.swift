// Plant
