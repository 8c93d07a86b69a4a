# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Labels a long bag for an hour through the page, kills the console meanwhile, and looks for loss.

`python -m label_hour` runs it; `make label-hour` does.
"""
