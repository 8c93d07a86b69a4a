# The node on ROS 2 Jazzy from apt, installed by tools/install_ros.sh. Not built yet where this was written: no registry was in reach.
#
#     docker build -f docker/jazzy.Dockerfile -t surgsam2_ros:jazzy .
#     docker run --rm --network host --ipc host surgsam2_ros:jazzy image_topic:=/endoscope/left/image_raw
FROM ros:jazzy-ros-base

COPY . /opt/surgsam2_ros
# TORCH_INDEX: that of a CUDA build, for `--gpus all`.
ARG TORCH_INDEX=
RUN apt-get update && apt-get install -y --no-install-recommends sudo python3-pip \
    && /opt/surgsam2_ros/tools/install_ros.sh --distro jazzy --workspace /opt/surgsam2_ws \
    && rm -rf /var/lib/apt/lists/* /root/.cache

RUN printf '%s\n' '#!/bin/bash' 'set -e' \
    'source /opt/ros/jazzy/setup.bash' 'source /opt/surgsam2_ws/venv/bin/activate' \
    'source /opt/surgsam2_ws/install/setup.bash' 'exec ros2 launch surgsam2_ros surgsam2.launch.py "$@"' \
    > /usr/local/bin/surgsam2 && chmod +x /usr/local/bin/surgsam2
ENTRYPOINT ["/usr/local/bin/surgsam2"]
