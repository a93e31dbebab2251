# Wulin in a container. docs/deploy.md, "A container", says how to run it.

# Other images do as well, such as those of a mirror: a builder with Rust, a C compiler and no newer glibc than the base,
# and a base with glibc and libgcc (gcr.io/distroless/cc-debian12 is smaller and has no shell). What a tag names changes;
# packaging/pin.sh writes the digests of today behind both, and --check says whether they are there.
ARG BUILDER=rust:1.94-bookworm
ARG BASE=debian:bookworm-slim

# The manifests alone, each with an empty source: what the next stage copies of it changes only when dependencies do.
FROM ${BUILDER} AS manifests
WORKDIR /manifests
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY crates crates
RUN find crates -type f ! -name Cargo.toml -delete \
    && for crate in . crates/*; do mkdir -p "$crate/src" && touch "$crate/src/lib.rs"; done \
    && echo 'fn main() {}' > src/main.rs

FROM ${BUILDER} AS build
WORKDIR /build
# Dependencies first, against the empty sources: this layer is built again only when they change.
COPY --from=manifests /manifests .
RUN cargo build --release --locked --bin wulin \
    && rm -r src crates
COPY crates crates
COPY src src
COPY web/dist web/dist
# Copied files keep their dates; by these cargo sees that they are not the empty ones.
RUN touch src/main.rs src/lib.rs crates/*/src/lib.rs \
    && cargo build --release --locked --bin wulin \
    && mkdir state

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Wulin" \
      org.opencontainers.image.description="A realtime rock-paper-scissors server for WeChat Mini Programs and browsers" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
COPY LICENSE /usr/share/doc/wulin/LICENSE
COPY --from=build /build/target/release/wulin /usr/local/bin/wulin
# What outlives a container goes here, if a volume is mounted. Everything else can be read-only.
COPY --from=build --chown=65532:65532 /build/state /var/lib/wulin
ENV STATE_DIRECTORY=/var/lib/wulin

# A number, so that an orchestrator can see that it is not root. Certificates mounted at /certs must be readable by it.
USER 65532:65532
# `certs` below the working directory is where certificates are looked for: /certs.
WORKDIR /

# 443 and 80 with a certificate, 8443 without. No capability is needed for the low ones: since 20.10 Docker sets
# net.ipv4.ip_unprivileged_port_start=0 in a container's own network. Podman does not: give it that with --sysctl. With the
# network of the host, set it there, or take other ports with --port and --http-port.
EXPOSE 443 80 8443

# SIGTERM: rounds in progress are finished, which takes up to 15 s. `docker stop` waits 10 unless told --stop-timeout 20.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=5s CMD ["/usr/local/bin/wulin", "health"]
ENTRYPOINT ["/usr/local/bin/wulin"]
CMD ["serve"]
