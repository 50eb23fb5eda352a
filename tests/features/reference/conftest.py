"""The float64 reference of the ELMo tests serves here as well."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "elmo"))
