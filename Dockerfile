# One image for every component of a picokube cluster; docker-compose.yml says which container runs which.
#
# BASE is any Debian or Ubuntu with Python 3.11 or later. What it has already is not installed again, so a base made by
# `hack/make-base-image` needs neither a registry nor a network here.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

ENV PYTHONPATH=/opt/picokube:/opt/site-packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ETCDCTL_API=3 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

COPY hack/compose/install pyproject.toml /tmp/install/
RUN /tmp/install/install packages && /tmp/install/install dependencies \
    && python3 -m compileall -q -j 0 /opt/site-packages && rm -rf /tmp/install

COPY . /opt/picokube
RUN python3 -m compileall -q -j 0 /opt/picokube
WORKDIR /opt/picokube
CMD ["python3", "-m", "picokube", "--help"]
