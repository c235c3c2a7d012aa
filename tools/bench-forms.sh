#!/bin/sh
# Measures what each form of sending costs (dataplane/src/uring/forms.rs): from one network namespace
# to another, which drops what comes at its ingress. Needs root, iproute2 and nftables.
set -eu
here=forms-here-$$
there=forms-there-$$
trap 'ip netns del "$here" 2>/dev/null; ip netns del "$there" 2>/dev/null' EXIT
ip netns add "$here"
ip netns add "$there"
ip -n "$here" link add here type veth peer name there netns "$there"
ip -n "$here" addr add 10.99.0.1/24 dev here
ip -n "$there" addr add 10.99.0.2/24 dev there
ip -n "$here" link set here up
ip -n "$there" link set there up
ip netns exec "$there" nft -f - <<'RULES'
table netdev forms {
  chain ingress {
    type filter hook ingress device "there" priority 0; policy accept;
    udp dport 20000-29999 drop
  }
}
RULES
binary=$(cargo test --release -p orbit-dataplane --lib --no-run --message-format short 2>&1 |
  sed -n 's/.*Executable .*(\(.*\))/\1/p')
ORBIT_FORMS_TO=10.99.0.2 ip netns exec "$here" "$binary" --ignored --nocapture --exact \
  uring::forms::what_each_form_of_sending_costs
