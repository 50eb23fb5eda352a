"""Words in context: does a marked word mean the same in two sentences?"""
