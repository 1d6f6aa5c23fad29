print("penstockctl")
