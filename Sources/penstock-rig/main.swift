print("penstock-rig")
