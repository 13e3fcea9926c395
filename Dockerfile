# syntax=docker/dockerfile:1
# One image for server, services, worker and runs. Build: docker build -t mirage .   More: deploy/README.md
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY pyproject.toml constraints.txt ./
# the libraries in a layer of their own: several GB that a change of code leaves as they are
ARG EXTRAS="team ray"
RUN python -c "import sys, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    print(*p['dependencies'], *(d for e in sys.argv[1:] for d in p['optional-dependencies'][e]), sep='\n')" $EXTRAS \
    > requirements.txt && pip install -c constraints.txt -r requirements.txt
COPY . .
RUN pip install --no-deps .

FROM python:3.11-slim
# rooms of SAT are rendered by MuJoCo through EGL, in software where no driver brings its own
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgl1 libopengl0 libegl-mesa0 libgl1-mesa-dri tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home mirage \
    && install -d -o mirage -g mirage /opt/mirage /opt/mirage/artifacts
COPY --from=build /opt/venv /opt/venv
COPY --chown=mirage:mirage . /opt/mirage
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 MUJOCO_GL=egl \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
USER mirage
# deployments are registered from here, so their runs look for flows/, recipes/ and datasets_spec/ here
WORKDIR /opt/mirage
VOLUME /opt/mirage/artifacts
ENTRYPOINT ["tini", "-g", "--"]
CMD ["prefect", "version"]
