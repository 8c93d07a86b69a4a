# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of Sphinx: `make docs` builds the site in build/site/ from the Markdown of the tree.

The ROS build farm's rosdoc2 takes them too. It copies this folder, and wraps these settings there:
links to documents outside lead nowhere then.
"""

from pathlib import Path

from surgsam2_ros import __version__

project = 'surgsam2_ros'
author = 'surgsam2_ros contributors'
release = version = __version__

# The source is the repository, so that links between its documents hold as they do on disk.
include_patterns = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'docs/**.md',
    'models/README.md',
]
root_doc = 'docs/index'
by_rosdoc2 = not (Path(__file__).resolve().parents[1] / 'package.xml').is_file()
if by_rosdoc2:
    include_patterns, root_doc = ['**.md'], 'index'

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
myst_heading_anchors = 4
myst_enable_extensions = ['deflist']
suppress_warnings = ['myst.header']  # a part that is generated begins below its section
highlight_language = 'none'
autodoc_default_options = {'members': True}
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings give shapes and units

html_theme = 'furo'
html_title = f'surgsam2_ros {__version__}'
