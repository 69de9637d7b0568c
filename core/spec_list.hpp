// The daemons of a stack. Copies of a list share its specifications: a node with 1,000 daemons holds each of them once, in the
// list, in the tree and in what is still to be written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

namespace duende {

struct daemon_spec;
using daemon_spec_ptr = std::shared_ptr<const daemon_spec>;

/// A value like a vector of daemon_spec whose elements can be read everywhere and are changed by `edit` alone. References stay
/// valid until their element is removed or replaced. As thread-safe as a vector; copies are independent of each other.
class spec_list {
public:
  using value_type = daemon_spec;

  class const_iterator {
  public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = daemon_spec;
    using difference_type = std::ptrdiff_t;
    using pointer = const daemon_spec*;
    using reference = const daemon_spec&;

    const_iterator() = default;
    explicit const_iterator(const daemon_spec_ptr* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    const_iterator& operator++() { return *this += 1; }
    const_iterator operator++(int) { return const_iterator{at_++}; }
    const_iterator& operator--() { return *this += -1; }
    const_iterator& operator+=(difference_type n) {
      at_ += n;
      return *this;
    }
    const_iterator operator+(difference_type n) const { return const_iterator{at_ + n}; }
    difference_type operator-(const const_iterator& other) const { return at_ - other.at_; }
    auto operator<=>(const const_iterator&) const = default;

  private:
    const daemon_spec_ptr* at_ = nullptr;
  };
  using iterator = const_iterator;

  spec_list() = default;
  spec_list(std::initializer_list<daemon_spec> specs);

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const_iterator begin() const { return const_iterator{items_.data()}; }
  const_iterator end() const { return const_iterator{items_.data() + items_.size()}; }
  const daemon_spec& operator[](std::size_t i) const { return *items_[i]; }
  const daemon_spec& front() const { return *items_.front(); }
  const daemon_spec& back() const { return *items_.back(); }
  /// The element itself, to be held on to.
  const daemon_spec_ptr& shared(std::size_t i) const { return items_[i]; }
  /// Null where there is none.
  daemon_spec_ptr find(std::string_view name) const;

  void push_back(daemon_spec spec);
  void push_back(daemon_spec_ptr spec) { items_.push_back(std::move(spec)); }
  void insert(std::size_t before, daemon_spec_ptr spec);
  void pop_back() { items_.pop_back(); }
  void set(std::size_t i, daemon_spec_ptr spec) { items_[i] = std::move(spec); }
  /// Replaces the element by a copy of its own, to be changed.
  daemon_spec& edit(std::size_t i);
  template <class Predicate>
  void erase_if(Predicate goes) {
    std::erase_if(items_, [&](const daemon_spec_ptr& each) { return goes(*each); });
  }
  /// Elements that `other` has too, with the same value, become the other's: one of the two is let go.
  void share_with(const spec_list& other);

  bool operator==(const spec_list& other) const;

private:
  std::vector<daemon_spec_ptr> items_;
};

} // namespace duende
